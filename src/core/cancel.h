#pragma once

namespace equibolt {

/// From now on SIGINT and SIGTERM ask for a stop instead of ending the process; a second one ends it.
void catch_stop_signals();

/// From now on the time counts: after `seconds` a stop is asked for, as a signal would.
void stop_after(double seconds);

/// Whether such a signal, or that time, has come. Long work asks now and then, saves its state, and throws
/// Stopped.
bool stop_requested();

}  // namespace equibolt
