#pragma once

#include <nlohmann/json.hpp>

#include "config/config.h"
#include "report/figure_page.h"
#include "report/gnuplot.h"
#include "runs/reporter.h"
#include "runs/run_folder.h"

namespace equibolt {

// Figures of one observable of analyse() (runs/analysis.h), all sets in one.

/// Densities with error bars.
Plot observable_histogram(const nlohmann::ordered_json& observable);

/// F in kT with a band of one standard error, with the profiles of umbrella sampling.
Plot observable_profile(const nlohmann::ordered_json& observable);

/// F of two observables of one set of a map, in kT.
Plot observable_map(const nlohmann::ordered_json& map, const nlohmann::ordered_json& set);

/// Puts the analysis onto the page: what was analysed, tables, and these figures.
void put_analysis(FigurePage& report, const nlohmann::ordered_json& analysis);

/// The same for the observables that a run's config names, of its samples and its data. Nothing where there
/// are none.
void put_observables(FigurePage& report, const RunConfig& config, const RunFolder& folder,
                     Reporter& reporter);

}  // namespace equibolt
