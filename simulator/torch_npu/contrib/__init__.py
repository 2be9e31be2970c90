"""Extensions beside the device itself: the migration of CUDA scripts."""
