using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Graph;

/// <summary>
/// The gradient of one operand of <see cref="Attend"/>, from that of its value: a kernel makes all of them at once, the scores
/// anew and a block of queries at a time. Where heads share a key, its gradient still has the heads, to be summed after.
/// </summary>
/// <param name="Of">Which operand, as <see cref="Attend.Operands"/> counts them: query, key, …, value.</param>
public sealed record AttendGradient(string Name, EquatableArray<Axis> Axes, Attend Attend, int Gradient, int Of) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => Attend.Operands.Append(Gradient);
}
