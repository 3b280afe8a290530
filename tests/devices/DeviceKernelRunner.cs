using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using ILGPU;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Kernels.Device;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;

namespace Sinter.Devices.Tests;

/// <summary>Single kernels on a device, with arguments in the host's memory that are carried there and back.</summary>
internal sealed unsafe class DeviceKernelRunner : IKernels
{
    private readonly DeviceLauncher _launcher;
    private readonly Dictionary<string, DeviceScheduled> _kernels;
    private readonly object _launches;

    /// <param name="change">Plants a fault in the kernels' text.</param>
    public DeviceKernelRunner(Device device, IEnumerable<Operation> operations, Func<string, string>? change = null)
    {
        _launcher = device.Launcher;
        List<KeyValuePair<string, DeviceScheduled>> kernels = [.. operations.Select(o => KeyValuePair.Create(o.Name, DeviceSchedule.Make(o)))];
        _kernels = kernels.ToDictionary();
        string text = DeviceKernelsEmitter.Emit("Printed", kernels, "Sinter.Printed");
        if (change is not null) text = change(text);
        Type type = DevicePrograms.Compile("Printed" + Guid.NewGuid().ToString("N"), [text]).GetType("Sinter.Printed.PrintedLaunches", throwOnError: true)!;
        _launches = Activator.CreateInstance(type, _launcher)!;
    }

    public void Run(string method, Type lanes, Step step, int workers, params nint[] arguments)
    {
        var carried = new List<Carried>();
        ArrayView<byte> Take(void* place, long bytes, bool comesBack)
        {
            DeviceAllocation<byte> memory = _launcher.Allocate<byte>(Math.Max(bytes, 4), "a test");
            if (bytes > 0) _launcher.Send((byte*)place, memory.View.SubView(0, bytes));
            carried.Add(new Carried((nint)place, comesBack ? bytes : 0, memory));
            return memory.View;
        }

        ArrayView<T> Carry<T>(void* place)
            where T : unmanaged => Take(place, GuardedMemory.SizeOf(place), comesBack: true).Cast<T>();

        DeviceWeight Weight(StoredWeight* stored)
        {
            int experts = GuardedMemory.SizeOf(stored) / sizeof(StoredWeight), bytes = GuardedMemory.SizeOf(stored->Data);
            int scales = stored->Scales is null ? 0 : GuardedMemory.SizeOf(stored->Scales) / sizeof(float);
            var data = new byte[experts * bytes];
            var scaleData = new float[Math.Max(1, experts * scales)];
            for (int e = 0; e < experts; e++)
            {
                new ReadOnlySpan<byte>(stored[e].Data, bytes).CopyTo(data.AsSpan(e * bytes));
                new ReadOnlySpan<float>(stored[e].Scales, scales).CopyTo(scaleData.AsSpan(e * scales));
            }

            fixed (byte* codes = data)
            fixed (float* each = scaleData)
            {
                var weight = new DeviceWeight
                {
                    Data = Take(codes, data.Length, comesBack: false),
                    Scales = Take(each, scaleData.Length * sizeof(float), comesBack: false).Cast<float>(),
                    Columns = stored->Columns,
                    ScaleColumns = stored->ScaleColumns,
                    Bytes = bytes,
                    ScaleCount = scales,
                    Format = stored->Format,
                    IsOrdinary = scales > 0 && DeviceWeight.AreOrdinary(data, scaleData),
                };
                // What comes from an array may move afterwards.
                _launcher.Synchronize();
                return weight;
            }
        }

        object Argument(ParameterKind kind, nint argument)
        {
            switch (kind)
            {
                case ParameterKind.Floats: return Carry<float>((void*)argument);
                case ParameterKind.Integers: return Carry<int>((void*)argument);
                case ParameterKind.Count: return (int)argument;
                case ParameterKind.Weight: return Weight((StoredWeight*)argument);
                case ParameterKind.Cache:
                    var cache = (CacheView*)argument;
                    return new DeviceCache { Data = Carry<float>(cache->Data), SlotStride = cache->SlotStride };
                default:
                    var groups = (ExpertGroups*)argument;
                    ArrayView<int> pairs = Carry<int>(groups->Pairs);
                    return new DeviceGroups(Carry<int>(groups->Offsets), pairs, groups->Rank is null ? pairs : Carry<int>(groups->Rank), GuardedMemory.SizeOf(groups->Offsets) / sizeof(int) - 1, groups->Chosen);
            }
        }

        var ranges = new ReadOnlySpan<SequenceRange>(step.Ranges, step.Sequences);
        var deviceStep = new DeviceStep
        {
            Tokens = step.Tokens,
            Sequences = step.Sequences,
            LongestCount = ranges.ToArray().Max(range => range.Count),
            LongestLength = ranges.ToArray().Max(range => range.Length),
            Positions = Carry<int>(step.Positions),
            RangeOf = Carry<int>(step.RangeOf),
            Ranges = Carry<SequenceRange>(step.Ranges),
        };
        object[] all = [deviceStep, .. _kernels[method].Parameters.Select((parameter, i) => Argument(parameter.Kind, arguments[i]))];
        try
        {
            _launches.GetType().GetMethod(method)!.Invoke(_launches, all);
        }
        catch (TargetInvocationException fault) when (fault.InnerException is not null)
        {
            throw new InvalidOperationException($"{method}: {fault.InnerException}", fault.InnerException);
        }

        foreach (Carried one in carried)
        {
            if (one.Bytes > 0) _launcher.Receive(one.Memory.View.SubView(0, one.Bytes), (byte*)one.Place);
        }

        _launcher.Synchronize();
        foreach (Carried one in carried) one.Memory.Owner.Dispose();
    }

    private sealed record Carried(nint Place, long Bytes, DeviceAllocation<byte> Memory);
}
