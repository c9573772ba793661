#pragma once

namespace equibolt {

/// From now on SIGINT and SIGTERM ask for a stop instead of ending the process; a second one ends it.
void catch_stop_signals();

/// Whether such a signal has come. Long work asks now and then, saves its state, and throws Stopped.
bool stop_requested();

}  // namespace equibolt
