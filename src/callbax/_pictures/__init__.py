"""What is drawn with matplotlib; of all this only `_load` can be imported without it."""
