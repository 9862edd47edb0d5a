# mine
