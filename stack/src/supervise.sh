# Runs "$@" for a parent that may be killed at any time. Standard input is a pipe that the parent holds open and never
# writes to; standard error is the log of the command. It writes two lines to standard output: the command's process id
# and, once it has ended, its status as the shell reports it. The parent makes this shell the leader of a process group,
# and nothing of that group is left when the command has ended.
exec 3<&0
"$@" </dev/null >&2 3<&- &
child=$!
echo "$child"
(
    # Returns when the parent closes its end, on purpose or by dying.
    read -r nothing <&3
    kill -9 "$child"
    # The shell below then ends this group; if that shell is gone, nobody else does.
    sleep 1
    kill -9 0
) >&2 &
wait "$child"
echo "$?"
kill -9 0
