using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

public sealed class RowKernels
{
    private static readonly RowOperation[] s_operations = [.. Make()];

    private static readonly CompiledKernels s_kernels = new([.. s_operations.Select(o => KernelPrinter.Print(o, o.Name))]);

    public static TheoryData<string> Names() => [.. s_operations.Select(o => o.Name)];

    internal static IReadOnlyList<RowOperation> Operations => s_operations;

    internal static RowOperation Operation(string name) => s_operations.Single(o => o.Name == name);

    [Theory]
    [MemberData(nameof(Names))]
    public void Equals_the_row_in_double_precision(string name)
    {
        RowOperation operation = Operation(name);
        bool hasWeight = operation.Inputs.Any(i => i.Kind is RowInputKind.Vector or RowInputKind.TableRow);
        foreach (WeightFormat format in hasWeight ? Enum.GetValues<WeightFormat>() : [WeightFormat.F32])
        {
            foreach ((int, int, int)[] sequences in new (int, int, int)[][] { [(1, 9, 1)], [(5, 5, 0), (1, 12, 2), (4, 6, 1)] })
            {
                using var problem = new RowProblem(operation, format, sequences);
                foreach (Type lanes in KernelTest.Lanes)
                    foreach (int workers in new[] { 1, 2, 3 }) problem.Run(s_kernels, lanes, workers);
            }
        }
    }

    private static IEnumerable<RowOperation> Make()
    {
        Scalar square = Times(A(0), A(0));
        foreach (int width in new[] { 1, 7, 16, 20, 48, 112, 200 })
        {
            Scalar rsqrt = new Unary(UnaryOperator.Rsqrt, Plus(A(2), new Constant(1e-6)));
            yield return Make($"Norm{width}", 1, width, [Elements(width), new(RowInputKind.Vector, new(0, 0, 0))], [new(Reduction.Mean, square)], [Buffer(width, Times(Times(A(0), rsqrt), A(1)))]);
            Scalar exp = new Unary(UnaryOperator.Exp, Minus(A(0), A(1)));
            yield return Make($"Softmax{width}", 2, width, [Elements(2 * width, width)], [new(Reduction.Max, A(0)), new(Reduction.Sum, exp)], [new(RowTarget.Buffer, new(2 * width, width), Divide(exp, A(2)))]);
        }

        foreach (UnaryOperator function in Enum.GetValues<UnaryOperator>())
        {
            Scalar argument = function is UnaryOperator.Log or UnaryOperator.Sqrt or UnaryOperator.Rsqrt ? Plus(Times(A(0), A(0)), new Constant(0.01)) : A(0);
            yield return Make($"{function}", 1, 40, [Elements(40)], [], [Buffer(40, new Unary(function, argument))]);
            yield return Make($"{function}One", 1, 1, [Elements(1)], [], [Buffer(1, new Unary(function, argument))]);
        }

        foreach (BinaryOperator function in Enum.GetValues<BinaryOperator>())
        {
            Scalar divisor = function == BinaryOperator.Divide ? Plus(Times(A(1), A(1)), new Constant(0.5)) : A(1);
            yield return Make($"{function}", 1, 25, [Elements(25), Elements(30, 0, 5)], [], [Buffer(25, new Binary(function, A(0), divisor))]);
        }

        yield return Make("Rotate", 3, 8, [new(RowInputKind.Rotated, new(3 * 20, 20, 12))], [], [new(RowTarget.Buffer, new(24, 8), A(0))]);
        yield return Make("RotateToCache", 1, 40, [new(RowInputKind.Rotated, new(70, 0, 30))], [], [new(RowTarget.Cache, new(48, 0, 8), A(0))]);
        yield return Make("Embed", 1, 150, [new(RowInputKind.TableRow, new(0))], [], [Buffer(150, A(0))]);
        yield return Make("EmbedPart", 1, 20, [new(RowInputKind.TableRow, new(0, 0, 118))], [], [Buffer(20, A(0))]);
        yield return Make("Weights", 1, 6, [new(RowInputKind.Taken, new(20))], [new(Reduction.Sum, A(0))], [Buffer(6, Times(Divide(A(0), A(1)), new Constant(2.5)))]);
        yield return Make("Combine", 1, 70, [new(RowInputKind.GatheredSum, new(70), 3), Elements(70), new(RowInputKind.PerRow, new(2, 0, 1))], [], [Buffer(70, Plus(Times(A(0), A(2)), A(1)))]);
        yield return Make("Several", 2, 24, [Elements(48, 24), Elements(24), new(RowInputKind.PerRow, new(2, 1))], [new(Reduction.Sum, A(0)), new(Reduction.Max, A(1)), new(Reduction.Mean, Times(A(0), A(3)))],
            [new(RowTarget.Buffer, new(48, 24), Plus(A(0), Times(A(4), A(2)))), new(RowTarget.Cache, new(60, 30, 3), Times(A(1), A(5))), new(RowTarget.PerRow, new(4, 2, 1), Plus(A(3), A(5)))]);
        yield return Make("Vectors", 3, 20, [Elements(60, 20), new(RowInputKind.Vector, new(0, 20, 7))], [], [new(RowTarget.Buffer, new(60, 20), Times(A(0), A(1)))]);
    }

    private static RowOperation Make(string name, int repeats, int width, RowInput[] inputs, RowReduction[] reductions, RowOutput[] outputs) =>
        new(name, "y[t,d] = f(x[t,d])", repeats, width, inputs.ToEquatable(), reductions.ToEquatable(), outputs.ToEquatable());

    private static RowInput Elements(int rowStride, int repeatStride = 0, int offset = 0) => new(RowInputKind.Elements, new(rowStride, repeatStride, offset));

    private static RowOutput Buffer(int rowStride, Scalar value) => new(RowTarget.Buffer, new(rowStride), value);

    private static Scalar A(int index) => new Argument(index);

    private static Scalar Plus(Scalar a, Scalar b) => new Binary(BinaryOperator.Add, a, b);

    private static Scalar Minus(Scalar a, Scalar b) => new Binary(BinaryOperator.Subtract, a, b);

    private static Scalar Times(Scalar a, Scalar b) => new Binary(BinaryOperator.Multiply, a, b);

    private static Scalar Divide(Scalar a, Scalar b) => new Binary(BinaryOperator.Divide, a, b);
}
