namespace Sinter.Compiler.Operations;

/// <summary>A printed kernel: a static generic method that the model's program calls.</summary>
/// <param name="Method">
/// Its name: <c>static void Method&lt;V&gt;(ref readonly Step step, in Worker worker, …parameters) where V : struct, ILanes&lt;V&gt;</c>.
/// </param>
/// <param name="Parameters">In the order that the operation's parts state in brackets: row source, inputs, weights, extras or terms, outputs.</param>
/// <param name="Text">The method with its comment, without indent, and whatever private methods it needs; lines end in \n.</param>
/// <param name="ScratchBytes">Of the worker's scratch memory that it uses.</param>
public sealed record KernelSource(string Method, EquatableArray<KernelParameter> Parameters, string Text, int ScratchBytes);

public sealed record KernelParameter(ParameterKind Kind, string Name);

public enum ParameterKind
{
    /// <summary>float*</summary>
    Floats,

    /// <summary>int*</summary>
    Integers,

    /// <summary>int</summary>
    Count,

    /// <summary>StoredWeight*: one tensor, or the first expert's.</summary>
    Weight,

    /// <summary>CacheView*</summary>
    Cache,

    /// <summary>ExpertGroups*</summary>
    Groups,
}
