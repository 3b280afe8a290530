using System.Collections.Generic;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

internal static class TrainingBinder
{
    public static BoundTraining? Bind(IReadOnlyList<TrainItem?> sections, DiagnosticBag diagnostics) => null;
}

internal static class PlacementBinder
{
    public static BoundPlacement? Bind(IReadOnlyList<ParallelItem?> sections, DiagnosticBag diagnostics) => null;
}
