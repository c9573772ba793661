#pragma once

#include "runs/reporter.h"
#include "runs/run_folder.h"

namespace equibolt {

/// Writes RUN/report.html, one self-contained page about what the run's folder holds, and RUN/figures with
/// the data and the gnuplot scripts of its figures. What the run has not got to yet is named on the page as
/// missing. Some figures are computed with the network, for about half a minute. Throws IoError, also where
/// gnuplot is missing, and DataError.
void write_report(const RunFolder& folder, Reporter& reporter);

}  // namespace equibolt
