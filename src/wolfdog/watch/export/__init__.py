"""Exports of smoothed results: moments, events, subtitles, Camtrap DP and Label Studio."""
