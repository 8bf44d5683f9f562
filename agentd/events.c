#include "agentd/events.h"

const tr_event_t tr_agentd_events[TR_EVENT_COUNT] = {
    [TR_EVENT_REGISTERED] = {"A001", TR_LOG_INFO, "registered",
        "The agents of this process are registered with the broker and take messages.", "None needed."},
    [TR_EVENT_STOPPING] = {"A002", TR_LOG_INFO, "stopping",
        "A signal asked the process to stop; it finishes the message in work and says goodbye to the broker.",
        "None needed."},
    [TR_EVENT_STOPPED] = {"A003", TR_LOG_INFO, "stopped", "The agents are deregistered and the process ends.",
        "None needed."},
    [TR_EVENT_CONNECTED] = {"A004", TR_LOG_INFO, "connected", "The link to the broker is up.",
        "None needed."},
    [TR_EVENT_RESUMED] = {"A005", TR_LOG_INFO, "resumed",
        "A lost link is up again, and the broker had kept the session: nothing was lost.", "None needed."},
    [TR_EVENT_DISCONNECTED] = {"A006", TR_LOG_WARN, "disconnected",
        "The link to the broker is lost. The process connects again by itself; what it sends meanwhile is "
        "queued up to a limit.",
        "Where it lasts: see whether the broker runs and whether its endpoint can be reached from here."},
    [TR_EVENT_REFUSED] = {"A007", TR_LOG_WARN, "refused",
        "The broker refused something that this process asked for.",
        "The detail says what and why: often a name that is taken, or a topic that may not be used."},
    [TR_EVENT_RESTARTED] = {"A008", TR_LOG_WARN, "behaviour restarted",
        "A behaviour failed with a message; it was started again with fresh state. A request to a service "
        "goes to "
        "another provider.",
        "Where it repeats: look at what it was sent (`troupe trace` with the line's trace, where it has "
        "one), and "
        "at its own messages before this line."},
    [TR_EVENT_GAVE_UP] = {"A009", TR_LOG_ERROR, "gave up",
        "An agent failed more often than the restart intensity allows; the process ends with code 70, and "
        "whoever "
        "started it decides.",
        "Mend the cause that the lines before it show; --restart-intensity and --restart-period set the "
        "limit."},
    [TR_EVENT_HANGS] = {"A010", TR_LOG_WARN, "behaviour hangs",
        "One message has been in work for longer than --hang-time. The link is kept alive, but the agents of "
        "this "
        "process take nothing else.",
        "Where such work is normal raise --hang-time; otherwise look at what the behaviour waits for."},
    [TR_EVENT_DROPPED] = {"A011", TR_LOG_WARN, "message dropped",
        "A message could not be handed to its agent.",
        "The detail says why. A malformed one is the fault of its sender."},
    [TR_EVENT_CANNOT_START] = {"A012", TR_LOG_ERROR, "cannot start",
        "The process ends: code 2 where the broker cannot be reached, 3 where something was refused or is "
        "not "
        "valid.",
        "The error says what was expected and what to do."},
    [TR_EVENT_STUCK] = {"A013", TR_LOG_ERROR, "ended by force",
        "Asked to stop, the process did not end within --stop-time, or was asked twice. The broker delivers "
        "its "
        "unfinished requests to other providers.",
        "Where messages take that long raise --stop-time."},
    [TR_EVENT_HUNG] = {"A014", TR_LOG_ERROR, "behaviour hung",
        "One message has been in work for longer than --hung-time: the process ends with code 71, and "
        "whoever "
        "started it decides. The broker delivers its unfinished requests to other providers, or again.",
        "Look at what the behaviour waits for; where such work is normal raise --hung-time."},
    [TR_EVENT_UNSAVED] = {"A015", TR_LOG_ERROR, "state not saved",
        "The state of agents could not be saved, or what was saved could not be restored. What they did "
        "since they were saved last "
        "is undone: they begin again from there, and their leased messages come again.",
        "The detail says why. A full disk: make room. A state that cannot be restored: start a version of "
        "the behaviour that can, or "
        "move the file in --state away to begin anew."},
    [TR_EVENT_STATELESS] = {"A016", TR_LOG_WARN, "behaviour has no state to keep",
        "--state was given, but the behaviour has no functions that save and restore its state: nothing is "
        "kept.",
        "Leave --state out, or give the behaviour `save` and `restore` (docs/agents.md)."},
    [TR_EVENT_MOVED] = {"A017", TR_LOG_INFO, "moved",
        "An agent is another process's now (`troupe move`), or has gone back to it. A process that hosts "
        "nobody "
        "any more ends with code 72.",
        "None needed."},
    [TR_EVENT_AWAY] = {"A018", TR_LOG_WARN, "agent was moved away",
        "By its store, the agent was moved from here to a station (`troupe move`), which has its state: it "
        "is "
        "not begun a second time, and the process ends with code 72.",
        "Start the station: it takes the agent again. To begin the agent here anew, take the store away "
        "(--state)."},
    [TR_EVENT_STAYS] = {"A029", TR_LOG_INFO, "stays",
        "The process hosts nobody any more, because its agent was moved away, and runs on with --stay.",
        "None needed. It ends by SIGTERM; what was moved is where `troupe ps` shows it."},
    [TR_EVENT_TAKEN_AGAIN] = {"A019", TR_LOG_INFO, "taken again",
        "The station has an agent again that was moved to it before it was started.", "None needed."},
    [TR_EVENT_NOT_TAKEN] = {"A028", TR_LOG_ERROR, "not taken again",
        "The station cannot take an agent again that was moved to it before it was started. Its state stays "
        "in "
        "the store, and the next start tries it again; where somebody else has its name, that is the agent "
        "now.",
        "The detail says why: a behaviour that the station has to load (--args), a name that is taken."},
    [TR_EVENT_WARNED] = {"A030", TR_LOG_WARN, "agent warns",
        "An agent does its work, and something is not as it was meant: a tool that `privileged` names and no "
        "server has, a tool whose arguments cannot be checked, a model that did not answer (`trace` and "
        "`conversation` are of the message that it was for). At most ten lines a second.",
        "The detail says what; `{\"action\": \"list\"}` of a toolkeeper shows it as long as it holds. For a "
        "model see its server, its key, its budget; `troupe trace` shows each of its attempts."},
    [TR_EVENT_PROMPTS] = {"A032", TR_LOG_WARN, "prompts of another version",
        "A prompt of the directory that `mind: {prompts: ...}` names is older than the built-in one whose "
        "place "
        "it takes, or does not say its version in its first line. It is used all the same. Once, at the "
        "start.",
        "Compare it with the built-in prompt of this version (agentd/mind/prompts), which may ask for more "
        "than "
        "the older one did, and write that version into its first line: `# NAME VERSION`."},
    [TR_EVENT_STRAYS] = {"A033", TR_LOG_WARN, "files that are no prompts",
        "The directory that `mind: {prompts: ...}` names has files that look like prompts and take no "
        "prompt's place: nobody reads them, and the built-in prompts are used. Once, at the start.",
        "The detail names them, and the nearest right name of each: rename them, or take them away."},
    [TR_EVENT_PROGRAM_STARTED] = {"A020", TR_LOG_INFO, "program started",
        "The program of an exec agent runs.", "None needed."},
    [TR_EVENT_PROGRAM_ENDED] = {"A021", TR_LOG_WARN, "program ended",
        "The program of an exec agent ended while it was needed; it is started again after a pause. Requests "
        "in "
        "work were given back to the broker, or answered with a failure.",
        "Its exit status and its last lines (A022) say why."},
    [TR_EVENT_PROGRAM_SAYS] = {"A022", TR_LOG_INFO, "program says",
        "A line that the program of an exec agent wrote to its stderr, with the `trace` and `conversation` "
        "of the message in work, where that is one "
        "alone.",
        "None needed."},
    [TR_EVENT_PROGRAM_NOISY] = {"A023", TR_LOG_WARN, "program says too much",
        "Lines of the program's stderr were left out, because there were too many within a second.",
        "Let the program write less, or into a file of its own."},
    [TR_EVENT_PROGRAM_BAD_LINE] = {"A024", TR_LOG_WARN, "bad line from the program",
        "A line that the program of an exec agent wrote to its stdout was ignored: it is no JSON object, too "
        "long, or its members make no message. The message that it was to answer got a failure, where `then` "
        "says so.",
        "stdout carries messages only, one JSON object a line; all else belongs on stderr."},
    [TR_EVENT_PROGRAM_LATE] = {"A025", TR_LOG_WARN, "program too slow",
        "The program of an exec agent did not finish a message within its time limit; it was killed.",
        "Where such work is normal raise the timeout; a message without an answer is finished by {\"done\": "
        "true}."},
    [TR_EVENT_PROGRAM_UNSENT] = {"A026", TR_LOG_WARN, "message of the program not sent",
        "A message that the program of an exec agent asked to send could not be sent.",
        "The reason says why: a receiver that is no name, a topic that is none, a full queue."},
    [TR_EVENT_PROGRAM_CANNOT_RUN] = {"A027", TR_LOG_ERROR, "cannot run the program",
        "The program of an exec agent could not be started.",
        "See that it exists, is executable, and that its directory is right."},
    [TR_EVENT_MESSAGE] = {"A031", TR_LOG_DEBUG, "message",
        "An agent has got a message: its performative and its sender, its `trace` where it is of one, its "
        "`conversation`. With --log-level debug.",
        "None needed."},
};
