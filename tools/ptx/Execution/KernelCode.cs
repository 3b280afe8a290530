using System.Collections.Generic;
using Sinter.Ptx.Decoding;

namespace Sinter.Ptx.Execution;

/// <summary>A register that holds a value known before the kernel starts, the same in all lanes.</summary>
internal readonly record struct ConstantRegister(int Register, ulong Value);

/// <summary>A register that holds a special register, filled when a warp starts.</summary>
internal readonly record struct SpecialRegister(int Register, string Name);

/// <summary>A kernel's parameter: its place among the argument bytes.</summary>
internal readonly record struct Parameter(string Name, DataType Type, int Offset, int Size);

/// <summary>A kernel, decoded for one device.</summary>
internal sealed class KernelCode
{
    public required string Name { get; init; }

    public required IReadOnlyList<Operation> Operations { get; init; }

    public required IReadOnlyList<string> RegisterNames { get; init; }

    public required IReadOnlyList<ConstantRegister> Constants { get; init; }

    public required IReadOnlyList<SpecialRegister> Specials { get; init; }

    public required IReadOnlyList<Parameter> Parameters { get; init; }

    public required int ParameterBytes { get; init; }

    public required int StaticSharedBytes { get; init; }

    public required bool UsesDynamicShared { get; init; }

    public required int LocalBytes { get; init; }

    /// <summary>The block size that .reqntid asks for, or null.</summary>
    public required Dimensions? RequiredBlock { get; init; }

    /// <summary>The most threads that .maxntid allows, or null.</summary>
    public required long? MostThreads { get; init; }
}
