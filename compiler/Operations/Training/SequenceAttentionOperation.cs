namespace Sinter.Compiler.Operations.Training;

/// <summary>Rows over tokens with heads: number (t, h, i) stands at t·Row + h·Head + i.</summary>
public sealed record HeadLayout(int Width, int Row, int Head);

/// <summary>
/// Attention within the sequence, or the gradients of all its operands; scores live in the workers' own memory only.
/// Forward: [int* begins, float* query, key, other query, other key, value, output]; the second term's are null where there is none.
/// Backward: [begins, query, key, other query, other key, value, gradient of the output, then the gradients in the order of the operands].
/// </summary>
public sealed record SequenceAttentionOperation(
    string Name,
    string Equation,
    bool IsBackward,
    int Heads,
    double Scale,
    bool Causal,
    HeadLayout Query,
    HeadLayout Key,
    HeadLayout? OtherQuery,
    HeadLayout? OtherKey,
    HeadLayout Value,
    HeadLayout Output) : Operation(Name, Equation);
