"""One process per room: who takes the jobs, who keeps processes warm, and what runs inside of one."""
