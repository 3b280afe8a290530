using System;
using System.Collections.Generic;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Tests.Kernels;

namespace Sinter.Devices.Tests;

/// <summary>The operations of the kernel tests, compiled for one kind of device when they are first asked for.</summary>
internal sealed class DeviceKernels(DeviceKind kind)
{
    private readonly Lazy<DeviceKernelRunner> _contractions = Lazily(kind, ContractionKernels.Operations);
    private readonly Lazy<DeviceKernelRunner> _rows = Lazily(kind, RowKernels.Operations);
    private readonly Lazy<DeviceKernelRunner> _attentions = Lazily(kind, AttentionKernels.Operations);
    private readonly Lazy<DeviceKernelRunner> _choices = Lazily(kind, [.. ChoiceKernels.Operations, ChoiceKernels.Group]);

    public DeviceKernelRunner Contractions => _contractions.Value;

    public DeviceKernelRunner Rows => _rows.Value;

    public DeviceKernelRunner Attentions => _attentions.Value;

    public DeviceKernelRunner Choices => _choices.Value;

    private static Lazy<DeviceKernelRunner> Lazily(DeviceKind kind, IEnumerable<Operation> operations) =>
        new(() => new DeviceKernelRunner(TestDevices.Open(kind), operations));
}
