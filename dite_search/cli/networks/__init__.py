"""Commands about one network: train it, score it, count it, time it, explain it, and use it."""
