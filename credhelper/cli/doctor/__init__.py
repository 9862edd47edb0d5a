"""The parts of `credhelper doctor`: its checks, their order, its repairs, and its job."""
