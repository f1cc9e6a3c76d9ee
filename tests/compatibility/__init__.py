"""What was made by earlier versions goes on working: ids, checkpoints, search files and studies."""
