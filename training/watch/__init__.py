"""Scheduled runs of monitor: a processing job that looks at what was captured since the last one."""
