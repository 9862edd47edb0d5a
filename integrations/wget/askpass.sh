#!/bin/sh
# For tokens of up to 1024 bytes (see the README): wget asks a program, which cannot say more.
wget --quiet --output-document=- --use-askpass=credhelper-askpass https://files.example.org/reads.txt
