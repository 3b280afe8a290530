namespace Sinter.Compiler.Operations;

/// <summary>
/// One kernel to be made: what it computes, with every size and stride, but not on which buffers. Operations that are
/// equal but for their name and equation share a kernel. All strides and offsets count numbers, not bytes.
/// </summary>
/// <param name="Name">The kernel's name in generated code, in PascalCase.</param>
/// <param name="Equation">What it computes, in index notation, for the comment above it; lines separated by \n.</param>
public abstract record Operation(string Name, string Equation);

/// <summary>Where the number at (row, repeat, column) stands in a buffer: offset + row·RowStride + repeat·RepeatStride + column.</summary>
public sealed record Layout(int RowStride, int RepeatStride = 0, int Offset = 0);
