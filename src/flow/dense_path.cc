#include "flow/dense_path.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "flow/quadrature.h"

namespace equibolt {
namespace {

constexpr std::size_t kNodes = 3;
constexpr std::size_t kDeepest = 6;    // halvings of a step
constexpr std::size_t kAtOnce = 1024;  // configurations in a call to the network

/// Gauss–Legendre's rule of three nodes on [0, 1], and Kronrod's extension to seven of which they are every
/// other one (exact to degree 11). The weights and new nodes follow from the rule's definition.
const Quadrature& gauss() {
  static const Quadrature rule = gauss_legendre(kNodes, 0, 1);
  return rule;
}
const Quadrature& kronrod() {
  static const Quadrature rule = kronrod_extension(kNodes, 0, 1);
  return rule;
}

/// A part of a step, [begin, end] in its θ, with ∇·v at the Gauss nodes and, when `refined`, at all seven of
/// Kronrod's in their order.
struct Panel {
  std::size_t sample, step;
  double begin, end;
  std::size_t depth;
  std::array<double, kNodes> at_gauss{};
  std::array<double, 2 * kNodes + 1> at_kronrod{};
};

class Quadratures {
 public:
  Quadratures(Dynamics& dynamics, const std::vector<DensePath>& paths, std::size_t particles, std::size_t dim,
              double tolerance)
      : dynamics_(dynamics), paths_(paths), particles_(particles), dim_(dim), threshold_(tolerance / 4) {
    result_.integral.assign(paths.size(), 0);
    result_.error.assign(paths.size(), 0);
    result_.divergences.assign(paths.size(), 0);
  }

  PathQuadrature run() {
    std::vector<Panel> panels;
    for (std::size_t b = 0; b < paths_.size(); ++b) {
      for (std::size_t s = 0; s < paths_[b].size(); ++s) panels.push_back({b, s, 0, 1, 0, {}, {}});
    }
    evaluate_gauss(panels);
    std::vector<Panel> unsure;
    for (std::size_t first = 0; first < panels.size();) {
      const std::size_t count = paths_[panels[first].sample].size();
      for (std::size_t s = 0; s < count; ++s) {
        const Panel& panel = panels[first + s];
        const double error = error_of_gauss({panels.data() + first, count}, s);
        // Of few steps nothing can be learned about their error.
        if (count < 3 || !(error <= threshold_)) {
          unsure.push_back(panel);
        } else {
          add(panel, gauss_value(panel), error);
        }
      }
      first += count;
    }
    refine(std::move(unsure));
    return std::move(result_);
  }

 private:
  /// Seven nodes on each panel; what is not good enough then, in halves.
  void refine(std::vector<Panel> panels) {
    while (!panels.empty()) {
      evaluate_kronrod(panels);
      std::vector<Panel> halves;
      for (const Panel& panel : panels) {
        const double value = kronrod_value(panel);
        const double error = error_of_kronrod(panel, value);
        if (error <= threshold_ || panel.depth == kDeepest || !std::isfinite(value)) {
          add(panel, value, error);
          continue;
        }
        const double middle = (panel.begin + panel.end) / 2;
        halves.push_back({panel.sample, panel.step, panel.begin, middle, panel.depth + 1, {}, {}});
        halves.push_back({panel.sample, panel.step, middle, panel.end, panel.depth + 1, {}, {}});
      }
      evaluate_gauss(halves);
      panels = std::move(halves);
    }
  }

  const DenseStep& step_of(const Panel& panel) const { return paths_[panel.sample][panel.step]; }
  double length(const Panel& panel) const { return step_of(panel).h * (panel.end - panel.begin); }

  double gauss_value(const Panel& panel) const {
    double sum = 0;
    for (std::size_t k = 0; k < kNodes; ++k) sum += gauss().weights[k] * panel.at_gauss[k];
    return length(panel) * sum;
  }
  double kronrod_value(const Panel& panel) const {
    double sum = 0;
    for (std::size_t k = 0; k < panel.at_kronrod.size(); ++k) {
      sum += kronrod().weights[k] * panel.at_kronrod[k];
    }
    return length(panel) * sum;
  }

  /// On step s: the distance from the integral of the polynomial of degree 8 through its nodes and those of
  /// the two steps beside it, or of the next two at an end. (A polynomial of degree 5 through two steps'
  /// nodes would have the same integral as the rule.)
  double error_of_gauss(std::span<const Panel> steps, std::size_t s) const {
    if (steps.size() < 3) return 0;
    const std::size_t first = std::min(s > 0 ? s - 1 : 0, steps.size() - 3);
    const DenseStep& own = step_of(steps[s]);
    std::vector<double> nodes, values;
    for (std::size_t q = first; q < first + 3; ++q) {
      const DenseStep& step = step_of(steps[q]);
      for (std::size_t k = 0; k < kNodes; ++k) {
        nodes.push_back((step.t + step.h * gauss().nodes[k] - own.t) / own.h);
        values.push_back(steps[q].at_gauss[k]);
      }
    }
    const std::vector<double> weights = interpolatory_weights(nodes, 0, 1);
    double sum = 0;
    for (std::size_t k = 0; k < nodes.size(); ++k) sum += weights[k] * values[k];
    return std::abs(own.h * sum - gauss_value(steps[s]));
  }

  /// From G₃ − midpoint ~ (κh)² and K₇ − G₃ ~ (κh)⁶ of the integrand's variation one can tell κh and with it
  /// the seven nodes' error, six orders on.
  double error_of_kronrod(const Panel& panel, double value) const {
    const double change = std::abs(value - gauss_value(panel));
    const double variation = std::abs(gauss_value(panel) - length(panel) * panel.at_gauss[kNodes / 2]);
    const double ratio = variation > 0 ? std::min(1.0, change / variation) : 1.0;
    return change * ratio * std::sqrt(ratio);
  }

  void add(const Panel& panel, double value, double error) {
    result_.integral[panel.sample] += value;
    result_.error[panel.sample] += error;
  }

  void evaluate_gauss(std::vector<Panel>& panels) {
    evaluate(panels.size() * kNodes, [&](std::size_t k) {
      return Node{&panels[k / kNodes], gauss().nodes[k % kNodes], &panels[k / kNodes].at_gauss[k % kNodes]};
    });
  }

  void evaluate_kronrod(std::vector<Panel>& panels) {
    for (Panel& panel : panels) {
      for (std::size_t k = 0; k < kNodes; ++k) panel.at_kronrod[2 * k + 1] = panel.at_gauss[k];
    }
    constexpr std::size_t more = kNodes + 1;
    evaluate(panels.size() * more, [&](std::size_t k) {
      Panel& panel = panels[k / more];
      const std::size_t node = 2 * (k % more);
      return Node{&panel, kronrod().nodes[node], &panel.at_kronrod[node]};
    });
  }

  struct Node {
    const Panel* panel;
    double place;  // in the panel, in [0, 1]
    double* value;
  };

  /// ∇·v at `count` nodes.
  template <typename NodeOf>
  void evaluate(std::size_t count, const NodeOf& node_of) {
    for (std::size_t first = 0; first < count; first += kAtOnce) {
      const std::size_t size = std::min(kAtOnce, count - first);
      if (x_.count() < size) {
        x_ = v_ = Configurations<double>(size, particles_, dim_);
        t_.resize(size);
        divergence_.resize(size);
      }
      for (std::size_t k = 0; k < size; ++k) {
        const Node node = node_of(first + k);
        const DenseStep& step = step_of(*node.panel);
        const double theta = node.panel->begin + node.place * (node.panel->end - node.panel->begin);
        t_[k] = step.t + theta * step.h;
        step.position(theta, x_[k]);
      }
      dynamics_.velocity_and_divergence(std::span(t_).first(size), x_.view().slice(0, size),
                                        v_.view().slice(0, size), std::span(divergence_).first(size));
      for (std::size_t k = 0; k < size; ++k) {
        const Node node = node_of(first + k);
        *node.value = divergence_[k];
        result_.divergences[node.panel->sample] += 1;
      }
    }
  }

  Dynamics& dynamics_;
  const std::vector<DensePath>& paths_;
  std::size_t particles_, dim_;
  double threshold_;
  PathQuadrature result_;
  Configurations<double> x_, v_;
  std::vector<double> t_, divergence_;
};

}  // namespace

void DenseStep::position(double theta, std::span<double> out) const {
  const std::size_t n = out.size();
  const double* c = coefficients.data();
  for (std::size_t j = 0; j < n; ++j) {
    out[j] = c[j] + theta * (c[n + j] + (1 - theta) * (c[2 * n + j] +
                                                       theta * (c[3 * n + j] + (1 - theta) * c[4 * n + j])));
  }
}

PathQuadrature divergence_at_nodes(Dynamics& dynamics, const std::vector<DensePath>& paths,
                                   std::size_t particles, std::size_t dim, std::size_t nodes, double bend) {
  PathQuadrature result{std::vector<double>(paths.size()), std::vector<double>(paths.size()),
                        std::vector<std::size_t>(paths.size())};
  Configurations<double> x(nodes, particles, dim), v(x);
  std::vector<double> divergence(nodes);
  for (std::size_t b = 0; b < paths.size(); ++b) {
    const DensePath& path = paths[b];
    if (path.empty()) continue;
    const Quadrature rule = bent_gauss_legendre(nodes, path.front().t, path.back().t + path.back().h, bend);
    for (std::size_t k = 0, step = 0; k < nodes; ++k) {
      const auto theta = [&] { return (rule.nodes[k] - path[step].t) / path[step].h; };
      while (theta() > 1 && step + 1 < path.size()) ++step;
      path[step].position(theta(), x[k]);
    }
    dynamics.velocity_and_divergence(rule.nodes, x, v, divergence);
    for (std::size_t k = 0; k < nodes; ++k) result.integral[b] += rule.weights[k] * divergence[k];
    result.divergences[b] = nodes;
  }
  return result;
}

PathQuadrature divergence_along(Dynamics& dynamics, const std::vector<DensePath>& paths,
                                std::size_t particles, std::size_t dim, double tolerance) {
  return Quadratures(dynamics, paths, particles, dim, tolerance).run();
}

}  // namespace equibolt
