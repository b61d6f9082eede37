"""Context probabilities of many variants of one deployment: with a frame left out, or with a label known."""
