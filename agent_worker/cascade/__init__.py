"""Speech engines behind seams: a recogniser hears words, a synthesiser speaks them, on this machine alone.

base (the seams) < pocketsphinx (on hearing) | flite (on libflite), espeak (on libespeak), both on utterance < engines.
"""
