"""Files of earlier versions go on working: ids, checkpoints, search files and studies."""
