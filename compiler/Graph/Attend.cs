using System.Collections.Generic;

namespace Sinter.Compiler.Graph;

/// <summary>
/// Σ[s] softmax[s](map(Σ over terms of Σ query·key))·value[s]: attention as one online loop over the positions
/// (a pass makes it of a contraction with a softmax; the language has no such operator).
/// </summary>
/// <param name="Heads">The axes of the scores beside rows and positions: each head has scores of its own.</param>
/// <param name="Terms">What is added up to a score.</param>
/// <param name="Map">Of the score, as argument 0, before the mask.</param>
/// <param name="Over">The axis of positions.</param>
public sealed record Attend(
    string Name,
    EquatableArray<Axis> Axes,
    EquatableArray<Axis> Heads,
    EquatableArray<QueryKey> Terms,
    Scalar Map,
    bool IsCausal,
    int Value,
    Axis Over) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands
    {
        get
        {
            foreach (QueryKey term in Terms)
            {
                yield return term.Query;
                yield return term.Key;
            }

            yield return Value;
        }
    }
}

/// <summary>Two values whose common axes beside the batch are summed.</summary>
public sealed record QueryKey(int Query, int Key);
