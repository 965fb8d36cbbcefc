"""The engine: training state, pure steps, their compilation, the timeline and the loop."""
