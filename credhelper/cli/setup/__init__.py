"""The parts of `credhelper setup`: its arguments, the profile it chooses, its check, its words."""
