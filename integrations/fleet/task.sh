#!/bin/sh
# Stands for your task: it asks for the token where it needs it.
set -eu
credhelper get https://files.example.org --format curl |
    curl -sSf -K - "https://files.example.org/samples/$SLURM_PROCID" -o "sample-$SLURM_PROCID"
