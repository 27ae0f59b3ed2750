"""Names that are used from outside the code that vulture reads: the public interface, frameworks, wires."""
