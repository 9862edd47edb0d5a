#!/bin/sh
# git where it cannot be configured: it asks a program for the user name, and then for the password.
GIT_ASKPASS=credhelper-askpass GIT_TERMINAL_PROMPT=0 \
    git ls-remote https://git.example.org/team/project.git
