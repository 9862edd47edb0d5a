"""The program beyond a warm answer: signals, streams, dialogues, and the last word on an error."""
