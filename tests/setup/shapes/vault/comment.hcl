# helpers
// more

