"""Health, metrics and status over HTTP: on `control.sock` always, on a TCP address where the file names one."""
