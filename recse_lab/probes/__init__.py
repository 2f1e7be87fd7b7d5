"""Probes: name -> function over stored scores or embeddings. A new one is one file and one line here."""
