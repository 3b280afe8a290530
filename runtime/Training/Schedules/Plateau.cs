using System;
using System.Text.Json.Nodes;

namespace Sinter.Runtime.Training.Schedules;

/// <summary>Lowers the rate when the validation loss stops falling.</summary>
/// <param name="Factor">What the rate is multiplied with.</param>
/// <param name="Patience">How many validations without a better loss are borne.</param>
/// <param name="Least">The part of the loss by which a better one has to be below the best.</param>
public sealed record PlateauSettings(double Factor = 0.5, int Patience = 5, double Least = 1e-3);

/// <summary>What <see cref="PlateauSettings"/> have seen so far.</summary>
public sealed class Plateau(PlateauSettings settings)
{
    private double _best = double.PositiveInfinity;
    private int _waited;

    /// <summary>What the schedule's rate is multiplied with.</summary>
    public double Factor { get; private set; } = 1;

    /// <summary>Takes note of a validation; true if the rate falls for it.</summary>
    public bool Observe(double loss)
    {
        if (loss < _best * (1 - settings.Least))
        {
            (_best, _waited) = (loss, 0);
            return false;
        }

        _best = Math.Min(_best, loss);
        if (++_waited <= settings.Patience) return false;
        (Factor, _waited) = (Factor * settings.Factor, 0);
        return true;
    }

    public JsonObject Save() => new() { ["factor"] = Factor, ["best"] = double.IsFinite(_best) ? _best : null, ["waited"] = _waited };

    public void Restore(JsonObject state)
    {
        Factor = (double)state["factor"]!;
        _best = (double?)state["best"] ?? double.PositiveInfinity;
        _waited = (int)state["waited"]!;
    }
}
