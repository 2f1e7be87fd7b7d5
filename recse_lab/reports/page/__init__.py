"""The self-contained HTML page and the cards it is made of."""
