"""The rig that measures programs from outside: a tone-coded model server, a caller, and the programs under test."""
