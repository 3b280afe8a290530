using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>The parameters of a kernel in the making: x, x2, x3 and so on.</summary>
internal sealed class ParameterNames
{
    private readonly List<Name> _names = [];

    public EquatableArray<Name> Names => _names.ToEquatable();

    public EquatableArray<KernelParameter> Parameters => _names.Select(n => new KernelParameter(Parameter(n.Kind), n.Text)).ToEquatable();

    /// <summary>The first weight, whose format stands for all.</summary>
    public Name? Formats => _names.FirstOrDefault(n => n.Kind == Kind.Weight);

    public Name Add(Kind kind, string stem)
    {
        int taken = 1;
        string text = stem;
        while (_names.Any(n => n.Text == text)) text = stem + ++taken;
        var name = new Name(kind, text);
        _names.Add(name);
        return name;
    }

    private static ParameterKind Parameter(Kind kind) => kind switch
    {
        Kind.Floats => ParameterKind.Floats,
        Kind.Integers => ParameterKind.Integers,
        Kind.Integer => ParameterKind.Count,
        Kind.Weight => ParameterKind.Weight,
        Kind.Cache => ParameterKind.Cache,
        _ => ParameterKind.Groups,
    };
}
