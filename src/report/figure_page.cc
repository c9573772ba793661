#include "report/figure_page.h"

#include <fmt/format.h>

namespace equibolt {

void FigurePage::figure(const Plot& plot, const std::string& alternative, const std::string& caption) {
  if (plot.rows.empty()) {
    page_.missing(fmt::format("No data for: {}", alternative));
  } else {
    page_.figure(draw(plot, figures_), alternative, caption);
  }
}

}  // namespace equibolt
