#include "config/without_effect.h"

#include <vector>

namespace equibolt {
namespace {

struct Rule {
  const char* key;
  bool (*applies)(const RunConfig&);
  const char* why;
};

bool adaptive(const RunConfig& c) {
  return c.flow.method == Method::dopri5;
}

bool matches_particles(const RunConfig& c) {
  return c.coupling.kind == CouplingKind::equivariant_ot || c.coupling.kind == CouplingKind::aligned;
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all{
      {"flow.steps", adaptive, "dopri5 chooses its own steps"},
      {"flow.atol", [](const RunConfig& c) { return !adaptive(c); }, "only dopri5 has tolerances"},
      {"flow.rtol", [](const RunConfig& c) { return !adaptive(c); }, "only dopri5 has tolerances"},
      {"flow.max_steps", [](const RunConfig& c) { return !adaptive(c); }, "only dopri5 has a limit of steps"},
      {"flow.refine_above",
       [](const RunConfig& c) { return c.flow.method != Method::rk3 && c.flow.method != Method::rk4; },
       "only rk3 and rk4 refine"},
      {"flow.divergence_bend", [](const RunConfig& c) { return c.flow.divergence_nodes == 0; },
       "flow.divergence_nodes is 0: there are no nodes to bend"},
      {"flow.divergence_tolerance",
       [](const RunConfig& c) { return !adaptive(c) || c.flow.divergence_nodes > 0; },
       "only dopri5 without flow.divergence_nodes has a tolerance for the divergence"},
      {"simulate.lowest_beta", [](const RunConfig& c) { return c.simulate.path == Path::prior; },
       "simulate.path = \"prior\" ends at the prior"},
      {"simulate.acceptance", [](const RunConfig& c) { return c.simulate.mover == MoverKind::langevin; },
       "the step of Langevin dynamics is not adapted"},
      {"train.alternate", [](const RunConfig& c) { return !matches_particles(c); },
       "only the couplings equivariant_ot and aligned match particles"},
      {"train.reflections", [](const RunConfig& c) { return c.coupling.kind == CouplingKind::independent; },
       "the coupling independent moves nothing"},
      {"train.learning_rate_final",
       [](const RunConfig& c) { return c.train.rate.schedule == Schedule::constant; },
       "train.schedule = \"constant\" keeps the learning rate"},
      {"finetune.learning_rate_final",
       [](const RunConfig& c) { return c.finetune.rate.schedule == Schedule::constant; },
       "finetune.schedule = \"constant\" keeps the learning rate"},
  };
  return all;
}

}  // namespace

std::string why_without_effect(const std::string& key, const RunConfig& config) {
  for (const Rule& rule : rules()) {
    if (key == rule.key && rule.applies(config)) return rule.why;
  }
  return {};
}

}  // namespace equibolt
