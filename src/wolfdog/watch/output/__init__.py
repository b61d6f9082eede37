"""Files that watching writes: tables, subtitles, plots, annotated video."""
