#pragma once

#include "runs/run_folder.h"
#include "runs/session.h"

namespace equibolt {

/// The network of a run that has one, with its config. A program's own energy, which is not here, is stood
/// for by one that fails: figures of paths need no more than its shape.
Session session_of_run(const RunFolder& folder);

}  // namespace equibolt
