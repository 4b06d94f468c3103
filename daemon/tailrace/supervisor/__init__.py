"""The parent process of a pipeline: starts and restarts workers, answers for them, and never touches a row."""
