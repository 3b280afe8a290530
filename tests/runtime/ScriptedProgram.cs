using System.Collections.Generic;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Tests;

/// <summary>A model that says what it was told to: after the token at position p comes <c>script[p]</c>, and then the last one for ever.</summary>
internal sealed unsafe class ScriptedProgram(int vocabulary, IReadOnlyList<int> script) : ModelProgram
{
    public override ModelDescription Description { get; } = DescriptionOf.Nothing with
    {
        Name = "Scripted",
        VocabularySize = vocabulary,
        MaxPositions = 500,
        Config = new Dictionary<string, object?> { ["vocab_size"] = (long)vocabulary },
        Weights = [new WeightDeclaration("shift", [2], 0, 1, 0, 0)],
    };

    public override void Forward(ref readonly Pass pass, in Worker worker)
    {
        worker.Share(pass.LogitRowCount, out int from, out int to);
        for (int row = from; row < to; row++)
        {
            int position = pass.Step.Positions[pass.LogitRows[row]];
            float* logits = pass.Logits + (long)row * vocabulary;
            for (int v = 0; v < vocabulary; v++) logits[v] = 0;
            logits[script[position < script.Count ? position : script.Count - 1]] = 1;
        }
    }

    public override void Predict(ref readonly Pass pass, in Worker worker) => throw new System.NotSupportedException();
}
