#!/bin/sh
#SBATCH --time=3-00:00:00
# The file that BEARER_TOKEN_FILE names always holds a token with life left. The job's time limit is only
# for a warning; `exec` lets Slurm's signals reach the job.
limit=$(squeue -h -j "$SLURM_JOB_ID" -o %l) || limit=UNLIMITED
exec credhelper exec --refresh --walltime "$limit" -- ./three-days.sh
