"""The processes of one training: how they meet, share and use memory."""
