"""Views: name -> class. What makes a positive out of a sentence; a new one is one file and one line here."""
