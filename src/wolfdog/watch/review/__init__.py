"""Review by people: calibration, the queue of moments that are worth a look, and the answers."""
