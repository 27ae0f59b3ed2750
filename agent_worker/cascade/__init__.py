"""Speech engines behind seams: a recogniser hears words, a synthesiser speaks them, on this machine alone.

base (the seams) < pocketsphinx (on hearing) | flite (on libflite) and espeak (on libespeak), on utterance < engines.
"""
