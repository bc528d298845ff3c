"""What developers run; not deployed."""
